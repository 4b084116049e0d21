"""The site of `docs/`: `make docs` gathers its pages, and lets Zensical build them.

A page may link to files outside `docs/`. A Git host follows such links, and a site of `docs/` alone cannot. So all
pages are gathered in a folder first. These are the pages of `docs/`, those of `pages.PROJECT`, and a page for each
source file that one of them links to. Links are rewritten to where these files are on the site.
"""
