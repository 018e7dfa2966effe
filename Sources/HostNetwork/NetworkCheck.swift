import Netlink
import OCI
import Plan

/// net-check: where the calling thread's namespace is not as a document says, a line for each, with the likely cause.
public struct NetworkCheck {
    public private(set) var differences: [String] = []
    let netlink: NetlinkSocket
    let links: [Link]
    let addresses: [LinkAddress]
    let neighbors: [LinkNeighbor]
    private let taps: [TapRecord]

    /// Reads the namespace, and changes nothing. `records`: what the verbs have written down, where they have.
    /// `nat`: the container's, in host mode.
    public init(
        _ plan: NetworkPlan, taps: [TapRecord]? = nil, bridges: [BridgeRecord]? = nil, nat: NATSetup? = nil,
        path: String = BridgeSetup.defaultPath
    ) throws {
        netlink = try NetlinkSocket()
        links = try netlink.links()
        addresses = try netlink.addresses()
        neighbors = try netlink.neighbors()
        self.taps = taps ?? []
        for (index, nic) in plan.nics.enumerated() {
            switch nic.attach.model {
            case .bridge: try check(BridgedNIC(nic, at: index))
            case .tc: try check(RedirectedNIC(nic, at: index))
            case .nat: try plan.host.map { try check(nic, host: $0) }
            }
        }
        for record in bridges ?? [] where record.wayOut != nil {
            differences += try WayOut(plan)?.differences(record.wayOut, self, path: path) ?? []
            differences += try DirectWayOut(plan)?.differences(self, path: path) ?? []
        }
        differences += try nat?.differences() ?? []
        if plan.mode != .host { try checkLater(plan) }
    }

    func link(_ name: String) -> Link? { links.first { $0.name == name } }

    mutating func add(_ subject: String, _ what: String) { differences.append("\(subject): \(what)") }

    /// What every link of ours must have.
    mutating func checkCommon(_ link: Link, mtu: Int) {
        if link.mtu != mtu {
            add(link.name, "MTU \(link.mtu), not \(mtu); packets of another size are lost on the way")
        }
        if !link.isUp { add(link.name, "down; ip link set \(link.name) up") }
    }

    /// nil where it is missing or another's. `isUp`: who joins the tap sets it up.
    mutating func checkTap(_ nic: NIC) -> Link? {
        guard let tap = link(nic.tap) else {
            add(nic.tap, "missing; runcvm tap-create makes it, and a VM that had it must be started again")
            return nil
        }
        guard let tun = tap.tun, tun.isTap else {
            add(nic.tap, "a link of kind \(tap.kind), not our tap; another program has taken the name")
            return nil
        }
        let owner = taps.first { $0.name == nic.tap }?.owner
        if let owner, tun.owner != owner {
            let found = tun.owner.map { "user \($0)" } ?? "nobody"
            add(nic.tap, "belongs to \(found), not to user \(owner); the VMM cannot open it")
        }
        if !tun.persistent || !tun.vnetHeader {
            let missing = tun.persistent ? "has no vnet_hdr" : "not persistent"
            add(nic.tap, "\(missing); it was not made by runcvm tap-create")
        }
        checkCommon(tap, mtu: nic.mtu)
        return tap
    }

    /// Host mode: the tap's end in the host's namespace; the rules are `NATSetup`'s matter.
    private mutating func check(_ nic: NIC, host: HostPlan) throws {
        guard let tap = checkTap(nic) else { return }
        guard has(host.gateway, on: tap) else {
            return add(
                host.tap,
                "the host's address \(host.gateway) is missing; ip address add \(host.gateway) dev \(host.tap)")
        }
        try checkRoute(to: host.guest.address, by: tap)
    }

    func has(_ prefix: IPPrefix, on link: Link) -> Bool {
        addresses.contains { $0.link == link.index && $0.prefix == prefix }
    }

    /// The kernel's own choice: another link with the same network, or a policy rule, may come before ours.
    mutating func checkRoute(to address: IPAddress, by link: Link) throws {
        let chosen = try netlink.route(to: address.bytes)?.link
        let other = links.first { $0.index == chosen }
        // By the loopback: the namespace has the address itself, which another line tells.
        if other?.index == link.index || other?.isLoopback == true { return }
        let found = other.map { "by \($0.name)" } ?? "by no link"
        let strict = try ["all", link.name].contains { name in
            try Sysctl.read("/proc/sys/net/ipv4/conf/\(name)/rp_filter")?.hasPrefix("1") == true
        }
        let filter = strict ? ", and rp_filter drops what it sends here" : ""
        add("\(address)", "reached \(found), not by \(link.name)\(filter); ip route get \(address)")
    }

    /// Interfaces that a plan of today would have, and this one has not.
    private mutating func checkLater(_ plan: NetworkPlan) throws {
        let known = Set(
            plan.nics.flatMap { [$0.name, $0.tap] + [$0.attach.port, $0.attach.bridge].compactMap(\.self) })
        let facts = Facts(try LiveFacts.read(), container: ContainerFacts())
        for name in Planner.interfaces(of: facts) where !known.contains(name) {
            add(name, "not in the plan; a network connected after the start is the VM's only when it is started again")
        }
    }
}
