"""What each address answers; the stock's own are plain handlers, the documents' are FastAPI routers."""
