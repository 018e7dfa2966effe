import CLinux
import Glibc
import Linux
import OCI
import Plan

/// PID 1 of the virtual machine: the initramfs's /init.
///
/// It finds guest.json on a raw drive, sets the machine up, runs the image's process, and ends with a reset, at which
/// Firecracker exits. What goes wrong is told to fc-boot, and on the console. Where the image's init is the process, that takes
/// the place of PID 1, and a child goes on with all else (SystemdSession).
public enum GuestInit {
    /// Never returns: the machine is reset.
    public static func run() -> Never {
        var session: GuestSession?
        do {
            try GuestDevices.mountOwn()
            GuestDevices.openConsole()
            // Ctrl-Alt-Del becomes a SIGINT to us, instead of a reset without a sync (reboot(2)).
            _ = linux_reboot(disableCtrlAltDel)
            try GuestDevices.loadModules()
            let connected = try GuestSession()
            session = connected
            let document = try GuestDrive.read()
            try setNames(document)
            try GuestNetwork.configure(document.nics)
            if document.systemd == nil { try GuestCgroup.make(pids: document.pidsLimit) }
            try GuestDisks.mount(document.root)
            try ContainerRoot.writeFiles(document)
            try connected.run(document)
        } catch {
            let failure = StartFailure(error)
            Console.print(failure.message)
            session?.fail(failure)
        }
        stop()
    }

    private static let disableCtrlAltDel: CInt = 0  // RB_DISABLE_CAD

    private static func setNames(_ document: GuestDocument) throws {
        if let name = document.hostname {
            try checked("sethostname", on: name) { Int(sethostname(name, name.utf8.count)) }
        }
        if let name = document.domainname {
            try checked("setdomainname", on: name) { Int(setdomainname(name, name.utf8.count)) }
        }
    }

    private static func stop() -> Never {
        GuestDisks.leave()
        sync()
        let result = linux_reboot(LINUX_RB_AUTOBOOT)
        Console.print("reboot: \(Errno(-result))")
        while true { pause() }
    }
}
