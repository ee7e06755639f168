"""Building and measuring the Solidity contracts; nothing here is needed to run the product."""
