"""What appliance and hub share: messages, transport, custody, identity, packages, HTTP primitives."""
