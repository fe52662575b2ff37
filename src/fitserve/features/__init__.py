"""Values into arrays: one definition of every step, evaluated by row and by column."""
