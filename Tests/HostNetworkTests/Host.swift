import Foundation
import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

/// A host with an uplink to a server, and VMs: each a namespace behind a link that stands for the VM's tap.
struct Host {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    /// PATH, with the programs of one flavour of firewall.
    let path: String
    let internet: NetworkNamespace

    /// In the calling thread's namespace. `setup` is a shell script of the host's own rules.
    init(programs: [String] = Host.all, setup: String = "") throws {
        path = "\(directory)/bin"
        try Files.ensureDirectory(path)
        for name in programs + ["modprobe"] {
            guard let program = Files.findProgram(name, path: Host.path) else { continue }
            // iptables decides by its name what it is, so each is a link to the same program.
            try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: program)
        }
        internet = try newNamespace()
        try shell(
            """
            ip link set lo up; ip link add uplink type veth peer name far netns \(internet.handle)
            ip address add 192.0.2.10/24 dev uplink; ip link set uplink up; ip route add default via 192.0.2.1
            \(setup)
            """)
        try internet.run {
            _ = try shell("ip link set lo up; ip address add 192.0.2.1/24 dev far; ip link set far up")
        }
    }

    static let path = "/usr/sbin:/usr/bin:/sbin:/bin"
    static let all = ["iptables", "iptables-nft", "iptables-legacy"].flatMap { name in
        ["", "-save", "-restore"].map { name + $0 }
    }

    func plan(_ number: Int, ports: [HostPort]? = nil) throws -> NetworkPlan {
        var facts = Facts(
            container: ContainerFacts(
                env: ["RUNCVM_NETWORK_MODE=host"], capabilities: ["CAP_NET_ADMIN"], hostNetwork: true),
            links: [], routes: [], host: try HostFacts.live(forHostModeOn: path))
        // The links of other VMs are there already, and of no kind that tells.
        facts.host.kept = try HostReservation(
            HostPlan(
                tap: "tap\(number)", gateway: #require(IPPrefix("169.254.100.\(number * 4 + 1)/30")),
                guest: #require(IPPrefix("169.254.100.\(number * 4 + 2)/30")), uplink: nil, firewall: ""))
        var plan = try Planner.plan(facts)
        plan.host?.ports = ports
        return plan
    }

    func setup(_ plan: NetworkPlan, id: String) throws -> NATSetup {
        try #require(NATSetup(plan, id: id, directory: directory, path: path))
    }

    /// The VM of a plan, in a namespace of its own.
    func machine(_ plan: NetworkPlan) throws -> NetworkNamespace {
        let host = try #require(plan.host)
        let guest = try newNamespace()
        try shell(
            """
            ip link add \(host.tap) type veth peer name eth0 netns \(guest.handle)
            ip address add \(host.gateway) dev \(host.tap); ip link set \(host.tap) up
            """)
        try guest.run {
            _ = try shell(
                """
                ip link set lo up; ip address add \(host.guest) dev eth0; ip link set eth0 up
                ip route add default via \(host.gateway.address)
                """)
        }
        return guest
    }

    /// The firewall's rules without their counters, and the sysctl.
    func state() throws -> String {
        try shell(
            """
            iptables-nft-save | grep -v '^#' | sed 's/\\[.*\\]//'; iptables-legacy-save | grep -v '^#' | sed 's/\\[.*\\]//'
            nft -s list ruleset | grep -v '^#'; sysctl net.ipv4.ip_forward; ls -A \(directory)
            """)
    }

    func expectState(_ before: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let now = try state().replacing(".host-mode.lock\n", with: "")
        #expect(now == before, "\(now)\n--- before\n\(before)", sourceLocation: sourceLocation)
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

extension NetworkNamespace {
    /// A path by which a child reaches it: our descriptor.
    fileprivate var handle: String { "/proc/\(getpid())/fd/\(descriptor.raw)" }
}

/// Runs a script by bash in the calling thread's namespace. Returns its output without white space around it; what it says
/// on stderr matters only where it fails.
@discardableResult
func shell(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try ChildProcess("/bin/bash", ["-c", script], environment: ["PATH=\(Host.path)"]).run()
    #expect(outcome.status == 0, "\(script): \(outcome.errors)", sourceLocation: sourceLocation)
    return String(decoding: outcome.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// A server that tells each client the client's address, for as long as `body` runs.
func serving(
    _ transport: String = "TCP", port: Int = 80, in namespace: NetworkNamespace, _ body: () throws -> Void
) throws {
    let pid = try namespace.run {
        try shell(
            """
            socat -U \(transport)-LISTEN:\(port),fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 & echo $!
            until ss -Hln\(transport == "TCP" ? "t" : "u") sport = :\(port) | grep -q .; do sleep 0.02; done
            """)
    }
    defer { kill(pid_t(pid) ?? 0, SIGTERM) }
    try body()
}

/// Asks a server. What it says is the address that it sees; nothing, where none is reached.
func expectAnswer(
    _ answer: String, from address: String, transport: String = "TCP", port: Int = 80,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let text = try shell(
        "echo | timeout \(answer.isEmpty ? 1 : 20) socat -t \(transport == "UDP" ? 3 : 20) - \(transport):\(address):\(port) 2>/dev/null || true"
    )
    #expect(text == answer, sourceLocation: sourceLocation)
}
