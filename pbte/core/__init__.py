"""What every room may use: constants, types, errors, ranks and memory shared between them."""
