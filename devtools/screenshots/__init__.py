"""Pictures of the pages for README and docs, from a real Airflow and Debian's Chromium."""
