// Firecracker
