"""Plugs that come with this package, one module for each library. They are examples of `codec.register`, too.

`plugs.py` imports a module here when an object of its library is pushed or pulled. The module then imports nothing but
this package. Its functions get the library by `package`.
"""
