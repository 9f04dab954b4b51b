"""The web server: an event loop that talks to the clients, and threads that run the WSGI application."""
