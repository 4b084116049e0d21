"""What Airflow finds by name: the backend, the plugin, the cluster policies and the provider's description."""
