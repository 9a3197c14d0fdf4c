"""Jobs: YAML read with positions, checked against the components' signatures, resolved. Nothing here imports torch."""
