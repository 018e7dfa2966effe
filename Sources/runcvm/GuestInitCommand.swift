import ArgumentParser
import Glibc
import Guest
import OCI

struct GuestInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest-init",
        abstract: "Be the guest's init: only for PID 1 of a VM.",
        discussion: """
            The guest's initramfs holds runcvm as /init, which the kernel starts as PID 1.

              runcvm fc-boot vm.json
            """)

    func run() throws {
        guard getpid() == 1 else {
            throw Failure(.usage, "runs only as PID 1 of a VM, from its initramfs; fc-boot boots one")
        }
        GuestInit.run()
    }
}
