"""Recipe and steps that turn a release into flashable operating-system images."""
