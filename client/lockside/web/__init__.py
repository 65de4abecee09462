"""`lockside-web`: a daemon for HTTP clients. It is a client like any other; its libraries are an extra."""
