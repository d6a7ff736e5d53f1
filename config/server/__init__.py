"""The web server: waitress, with bounds for those who keep it waiting.

waitress reads requests and writes responses in one loop, and hands a request to a thread when it is whole:
no thread waits for the network. `request` decides from a request's head whether its body may come,
`connections` ends connections that wait for too long or are too many, `processes` keeps several servers at
one socket running. `python -m config.server` starts it.
"""
