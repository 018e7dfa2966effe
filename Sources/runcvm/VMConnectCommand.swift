import ArgumentParser
import Firecracker

struct VMConnectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vm-connect",
        abstract: "Connect to a VM's SSH server and pass the connection on stdout: a ProxyCommand of ssh's.",
        discussion: """
            Used by vm-exec, as ssh's ProxyCommand with ProxyUseFdpass (ssh_config(5)).

              runcvm vm-connect /run/runcvm/web/vm/v.sock
            """)

    @Argument(help: "The socket of the VM's vsock device.")
    var socket: String

    func run() throws {
        try VsockConnection.hand(over: try VsockConnection.open(socket, port: .ssh, patience: 10))
    }
}
