"""The only room that knows kopf: handlers of ten lines at most, which offer what the watch says to intake."""
