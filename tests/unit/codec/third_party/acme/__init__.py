"""A library that knows nothing of XComs. The tests of plugs put it on `sys.path`, next to `acme_xcom`."""
