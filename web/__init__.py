"""The dashboard: its pages, its server, and the command line.

Nothing is imported here: what starts and watches processes is in this package too, and goes without the pages.
"""
