"""How the agent on a node is reached: ssh, Slurm, Kubernetes, Ray, or any command."""
