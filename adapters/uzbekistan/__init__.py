"""Uzbekistan: card and account credits, JSON-RPC 2.0 over HTTPS: hold, confirm or dismiss, query."""
