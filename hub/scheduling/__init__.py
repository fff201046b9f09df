"""Analysis tasks 任务 and their placement on appliances."""
