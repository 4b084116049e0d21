"""How to reach Redis: addresses and credentials, sessions, and one retry loop. Nothing here knows of Airflow or XComs."""
