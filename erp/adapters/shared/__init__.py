"""Parts that several adapters share: HTTP client, change polling, notes on sales."""
