"""The whole system on one machine: a hub, three appliances and their virtual cameras."""
