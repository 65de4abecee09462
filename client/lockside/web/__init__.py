"""`lockside-web`: what HTTP clients get of a daemon. A client like any other; its libraries are an extra."""
