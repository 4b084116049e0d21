"""What Airflow finds by name: the backend, the plugin, the cluster policies, the provider's description."""
