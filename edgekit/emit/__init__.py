"""What a device's firmware is built from: C arrays, operator registrations, and their settings."""
