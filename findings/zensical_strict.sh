#!/bin/sh
# Zensical 0.0.73 builds a site with --strict and prints "No issues found", although the navigation names a page that does
# not exist, and a page shows a picture that does not exist. The navigation of the built site has a dead link then.
set -eu

. "$(dirname "$0")/environment.sh"
install venv zensical==0.0.73
mkdir "$dir/docs"
cat >"$dir/mkdocs.yml" <<'YAML'
site_name: Example
theme:
  font: false
nav:
  - Home: index.md
  - Gone: gone.md
YAML
printf '# Home\n\n![A picture](gone.png)\n' >"$dir/docs/index.md"
"$dir/venv/bin/zensical" --version
"$dir/venv/bin/zensical" build --strict --config-file "$dir/mkdocs.yml" 2>&1 | tee "$dir/said"
grep -o 'href="[^"]*gone[^"]*"\|src="[^"]*gone[^"]*"' "$dir/site/index.html" | sort -u | tee "$dir/dead"
test "$(ls "$dir/site" | grep -c gone)" = 0
grep -q "No issues found" "$dir/said"
grep -q 'href="[^"]*gone.md"' "$dir/dead"
grep -q 'src="gone.png"' "$dir/dead"
