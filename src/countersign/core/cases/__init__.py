"""Cases: which alerts and records stand under one question, how good the data is, how much care it needs."""
