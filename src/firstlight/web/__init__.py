"""The service: the API, the review console, and what keeps both for those who may use them."""
