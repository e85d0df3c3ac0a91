"""What runs the program: its processes, the gate that each request comes through, both protocols, and its logs."""
