"""Agents over MCP: a process of its own, which knows the bridge's `/v1` alone. The only importer of the SDK `mcp`."""
