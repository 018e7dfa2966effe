print("runcvm")
