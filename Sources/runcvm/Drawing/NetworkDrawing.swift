import Plan

/// A document's network as boxes in columns: a path for each of the guest's interfaces, from the network to the guest.
///
/// | column | bridge mode      | host mode  |
/// |--------|------------------|------------|
/// | 0      | interface        | uplink     |
/// | 1      | bridge; none: tc | –          |
/// | 2      | tap              | tap        |
/// | 3      | guest            | guest      |
struct NetworkDrawing {
    struct Box: Equatable {
        /// Its name first.
        var lines: [String]
        /// A verb has made it; else it is planned.
        var isMade: Bool
    }

    struct Path {
        var title: String
        /// Who is at the far end of the wire.
        var outside: [String]
        var boxes: [Box?]

        /// What joins the box in that column to the one before.
        func joint(_ column: Int) -> String {
            if column == NetworkDrawing.guest { return "virtio" }
            return column == NetworkDrawing.tap && boxes[1] == nil ? join : ""
        }
        /// What stands in a bridge's place.
        var join: String
    }

    static let columns = 4
    static let tap = 2
    static let guest = 3

    var title: String
    /// Where the first three columns are, and the last.
    var realms: [String]
    var paths: [Path]
    /// A sentence each.
    var notes: [String]

    init(_ state: VMState) throws {
        let network = try state.network()
        let container = try state.container()
        let place = container.netns.map { ", \($0)" } ?? ""
        title = "\(container.id): \(Self.mode(network))\(place)"
        realms = [network.mode == .host ? "the host" : "the container's namespace", "the VM"]
        notes = []
        paths = []
        let made = try Made(state)
        paths = network.nics.map { nic in
            nic.attach.model == .nat ? Self.hostPath(nic, network.host, made) : Self.path(nic, made)
        }
        notes = Self.notes(network, try state.bridges() ?? [])
        if let machine = try state.machine() {
            realms[1] += ": \(machine.vcpus) vCPU, \(machine.memory) MiB"
        }
        clean()
    }

    /// What the verbs after net-plan have made.
    private struct Made {
        let taps: [String: TapRecord]
        let bridges: Bool
        let nat: Bool
        let machine: Bool

        init(_ state: VMState) throws {
            taps = Dictionary(try state.taps()?.map { ($0.name, $0) } ?? []) { first, _ in first }
            bridges = try state.bridges() != nil
            nat = try state.nat() != nil
            machine = try state.machine() != nil
        }

        func tap(_ nic: NIC, _ more: [String] = []) -> Box {
            let tap = taps[nic.tap]
            return Box(lines: [nic.tap] + (tap.map { ["owner \($0.owner)"] } ?? []) + more, isMade: tap != nil)
        }
    }

    private static func mode(_ network: NetworkPlan) -> String {
        if network.nics.isEmpty { return "no network interface, the VM has its loopback only" }
        let count = network.nics.count
        return "\(network.mode.rawValue) mode, \(count) interface\(count == 1 ? "" : "s")"
    }

    private static func path(_ nic: NIC, _ made: Made) -> Path {
        let attach = nic.attach
        let isBridge = attach.model == .bridge
        let port = Box(
            lines: [attach.port ?? nic.name, "\(attach.portMAC ?? nic.guestMAC)"]
                + (isBridge ? [] : ["keeps its addresses"]),
            isMade: made.bridges)
        let bridge = attach.bridge.map { name in
            Box(
                lines: [name, "\(DerivedMAC.bridge(for: nic.guestMAC))", nic.alias.map { "\($0)" } ?? "no alias"],
                isMade: made.bridges)
        }
        let gateways = nic.routes.compactMap(\.via).reduce(into: [String]()) { list, via in
            if !list.contains("\(via)") { list.append("\(via)") }
        }
        return Path(
            title: title(nic), outside: gateways.isEmpty ? ["network"] : gateways,
            boxes: [port, bridge, made.tap(nic), guest(nic, made)], join: "redirect")
    }

    private static func hostPath(_ nic: NIC, _ host: HostPlan?, _ made: Made) -> Path {
        let uplink = host?.uplink.map { Box(lines: [$0, "masquerade"], isMade: made.nat) }
        return Path(
            title: title(nic), outside: ["world"],
            boxes: [
                uplink ?? Box(lines: ["no uplink"], isMade: true), nil,
                made.tap(nic, (host?.gateway).map { ["\($0)"] } ?? []), guest(nic, made),
            ], join: "forward")
    }

    private static func title(_ nic: NIC) -> String {
        "\(nic.name): model \(nic.attach.model.rawValue), MTU \(nic.mtu)" + (nic.arp == false ? ", no ARP" : "")
    }

    private static func guest(_ nic: NIC, _ made: Made) -> Box {
        let routes = nic.routes.map { route in
            [
                route.to, route.via.map { "via \($0)" }, route.metric.map { "metric \($0)" },
                route.source.map { "src \($0)" },
            ].compactMap(\.self).joined(separator: " ")
        }
        return Box(
            lines: [nic.name, "\(nic.guestMAC)"] + nic.addresses.map(\.description) + routes, isMade: made.machine)
    }

    private static func notes(_ network: NetworkPlan, _ bridges: [BridgeRecord]) -> [String] {
        var notes: [String] = []
        for port in network.host?.ports ?? [] {
            notes.append("host port \(port.host)/\(port.protocol.rawValue) leads to the VM's \(port.guest)")
        }
        if !network.dns.relay.isEmpty {
            let servers = network.dns.relay.map(\.description).joined(separator: ", ")
            notes.append("name server \(servers): the guest's relay asks the one of the container's namespace")
        }
        for bridge in bridges {
            guard let way = bridge.wayOut, let port = bridge.ports.first else { continue }
            notes.append("\(port): the namespace's name queries leave as \(way.address), ports \(way.ports)")
        }
        for nic in network.nics where nic.attach.model == .bridge {
            if let reason = nic.aliasOmitted { notes.append("\(nic.name): no alias: \(reason)") }
        }
        return notes + network.warnings.map { "warning: \($0)" }
    }

    /// A document may come from anywhere: no control character reaches a terminal or a file.
    private mutating func clean() {
        func clean(_ text: String) -> String {
            String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
        }
        title = clean(title)
        notes = notes.map(clean)
        paths = paths.map { path in
            let boxes = path.boxes.map { box in box.map { Box(lines: $0.lines.map(clean), isMade: $0.isMade) } }
            return Path(title: clean(path.title), outside: path.outside, boxes: boxes, join: path.join)
        }
    }

    var hasPlanned: Bool { paths.flatMap(\.boxes).contains { $0?.isMade == false } }

    /// How many characters each column's boxes need; 0 where no path has one.
    var widths: [Int] {
        (0..<Self.columns).map { column in
            paths.flatMap { $0.boxes[column]?.lines ?? [] }.map(TextWidth.of).max() ?? 0
        }
    }

    /// How many characters the wires before a column need; a word fits in an absent bridge's place.
    func joint(before column: Int) -> Int {
        if column == Self.tap, widths[1] > 0 { return 0 }
        return paths.map { TextWidth.of($0.joint(column)) }.max() ?? 0
    }
}

/// How many places of a terminal, or of a monospaced font, a text takes: East Asian letters and emoji take two.
enum TextWidth {
    static func of(_ text: String) -> Int {
        text.reduce(0) { width, character in
            let first = character.unicodeScalars.first
            let value = first?.value ?? 0
            let isWide =
                first?.properties.isEmojiPresentation == true || (0x1100...0x115f).contains(value)
                || (0x2e80...0xa4cf).contains(value) || (0xac00...0xd7a3).contains(value)
                || (0xf900...0xfaff).contains(value) || (0xfe30...0xfe6f).contains(value)
                || (0xff00...0xff60).contains(value) || (0x20000...0x3fffd).contains(value)
            return width + (isWide ? 2 : 1)
        }
    }

    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - of(text)))
    }
}
