import Linux
import Netlink
import Plan

/// bridge-alias and bridge-restore: join each tap to the container's interface, in the calling thread's namespace.
///
/// The guest takes the interface's MAC and addresses over. Model bridge: the interface gets a MAC of its own, the bridge the
/// alias. Model tc: filters redirect every frame from one to the other.
public enum BridgeSetup {
    public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// What is there already as wanted is kept, and recorded the same. A failure undoes what this call did.
    /// `path`: where programs are found, as in PATH. `warn` hears what works less well than the user may expect.
    public static func create(
        _ plan: NetworkPlan, path: String = defaultPath, warn: (String) -> Void = { _ in }
    ) throws -> [BridgeRecord] {
        let joined = try plan.nics.enumerated().compactMap { try Joined($1, at: $0) }
        guard let first = joined.first else { return [] }
        try Privilege.check(to: "change \(first.port)")
        let netlink = try NetlinkSocket()
        let wayOut = try WayOut(plan)
        let gatewayMAC = try wayOut?.findGateway(netlink)
        let routes = try PortRoutes(of: joined.compactMap { try $0.bridgedPort(netlink) }, netlink)
        return try Journal.run { journal in
            journal.record {
                var errors = ErrorCollector()
                routes.restore(netlink, &errors)
                try errors.finish()
            }
            var records = try joined.map { try $0.create(netlink, journal) }
            if let wayOut, let index = records.firstIndex(where: { $0.name == wayOut.bridge }) {
                records[index].wayOut = try wayOut.create(
                    gatewayMAC: gatewayMAC, path: path, netlink, journal, warn: warn)
            }
            if let direct = try DirectWayOut(plan),
                let index = records.firstIndex(where: { $0.ports.contains(direct.port) })
            {
                records[index].wayOut = try direct.create(path: path, netlink, journal, warn: warn)
            }
            return records
        }
    }

    /// Gives the interfaces back what the plan says they had. May run twice, and on whatever is left of the namespace;
    /// every step runs, and all errors come together.
    public static func restore(_ plan: NetworkPlan, path: String = defaultPath) throws {
        let made = plan.nics.enumerated().filter { $1.attach.model != .nat }
        guard let first = made.first else { return }
        try Privilege.check(to: "change \(first.element.name)")
        let netlink = try NetlinkSocket()
        var errors = ErrorCollector()
        errors.run { try WayOut(plan)?.delete(path: path, netlink) }
        errors.run { try DirectWayOut(plan)?.delete(path: path, netlink) }
        for (index, nic) in made.reversed() {
            do {
                try Joined(nic, at: index)?.restore(netlink, &errors)
            } catch {
                errors.add(error)
            }
        }
        do {
            let ports = try made.compactMap { index, nic in
                try Joined(nic, at: index)?.port(netlink).map { (nic, $0, nic.attach.model == .bridge) }
            }
            PortRoutes(ports).restore(netlink, &errors)
        } catch {
            errors.add(error)
        }
        try errors.finish()
    }
}

/// One network interface and the way in which its tap is joined to it.
private enum Joined {
    case bridged(BridgedNIC)
    case redirected(RedirectedNIC)

    /// nil in host mode, where the tap stands alone.
    init?(_ nic: NIC, at index: Int) throws {
        switch nic.attach.model {
        case .bridge: self = .bridged(try BridgedNIC(nic, at: index))
        case .tc: self = .redirected(try RedirectedNIC(nic, at: index))
        case .nat: return nil
        }
    }

    var port: String {
        switch self {
        case .bridged(let nic): nic.port
        case .redirected(let nic): nic.port
        }
    }

    /// nil where it is not there.
    func port(_ netlink: NetlinkSocket) throws -> Link? {
        switch self {
        case .bridged(let nic): try nic.portLink(netlink)
        case .redirected(let nic): try nic.portLink(netlink)
        }
    }

    func bridgedPort(_ netlink: NetlinkSocket) throws -> Link? {
        if case .bridged(let nic) = self { try nic.portLink(netlink) } else { nil }
    }

    func create(_ netlink: NetlinkSocket, _ journal: Journal) throws -> BridgeRecord {
        switch self {
        case .bridged(let nic): try nic.create(netlink, journal)
        case .redirected(let nic): try nic.create(netlink, journal)
        }
    }

    func restore(_ netlink: NetlinkSocket, _ errors: inout ErrorCollector) {
        switch self {
        case .bridged(let nic): nic.restore(netlink, &errors)
        case .redirected(let nic): nic.restore(netlink, &errors)
        }
    }
}
