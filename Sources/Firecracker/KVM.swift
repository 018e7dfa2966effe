import Glibc
import Linux
import OCI

/// The kernel's virtual machine monitor (Documentation/virt/kvm/api.rst).
public enum KVM {
    /// Throws `Failure` with the remedy where this process may not open it, or the kernel has none.
    public static func check() throws {
        let remedy = "enable virtualization in the firmware, then modprobe kvm_intel or kvm_amd"
        let descriptor = open("/dev/kvm", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            let error = Errno.current
            let kind: Failure.Kind = error == .accessDenied || error == .notPermitted ? .privilege : .unavailable
            throw Failure(kind, "/dev/kvm: \(error); \(kind == .privilege ? "run as root" : remedy)")
        }
        close(descriptor)
    }
}
