"""Many trainings compared: seeds as groups, tables, the best."""
