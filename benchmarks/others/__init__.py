"""What people use today, each behind the same five methods; see `runner.Contender`."""
