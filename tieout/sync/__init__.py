"""The use cases, one verb each. A verb reads and writes the store and calls connectors' values."""
