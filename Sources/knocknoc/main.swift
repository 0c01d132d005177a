print("knocknoc")
