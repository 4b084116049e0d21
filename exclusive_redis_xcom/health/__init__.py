"""Checks of an installation: what is wrong with it, and what to do about it. No finding holds a secret.

A check is a function that takes a `visit.Visit` and yields findings. Each subject has a module. `exclusive-xcom doctor`
makes these checks and some more, and the page "XCom overview" makes those of `examining.in_api_server`.
"""
