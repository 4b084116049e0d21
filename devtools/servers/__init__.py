"""`make test-servers`: the integration tests on each Redis and Valkey that package registries offer."""
