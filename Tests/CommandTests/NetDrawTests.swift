import Foundation
import OCI
import Testing

@Suite("net-draw")
struct NetDrawTests {
    /// The drawing of a plan, with what `change` (a jq program) makes of the document.
    private func draw(_ facts: String, format: String = "text", _ change: (JSONValue) -> JSONValue = { $0 }) throws
        -> String
    {
        let plan = try Tool.run(["net-plan", "--facts", "-"], input: facts)
        let state = change(try JSONValue(parsing: [UInt8](plan.output.utf8), subject: "plan"))
        let outcome = try Tool.run(
            ["net-draw", "--format", format], input: String(decoding: try state.serialized(), as: UTF8.self))
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output
    }

    /// The facts of a planner case.
    private func facts(_ name: String) throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/plan/\(name).json")
        let document = try JSONValue(parsing: [UInt8](Data(contentsOf: file)), subject: name)
        return String(decoding: try #require(document["facts"]).serialized(), as: UTF8.self)
    }

    @Test("a bridge's path from the gateway to the guest, dashed while it is planned")
    func planned() throws {
        #expect(
            try draw(facts("default-bridge")) == """
                c0ffee: bridge mode, 1 interface

                             the container's namespace                                       the VM
                             eth0: model bridge, MTU 1500
                             ┌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┐ ┌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┐ ┌╌╌╌╌╌╌╌╌╌╌┐        ┌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┐
                172.17.0.1 ──┤ eth0              ├─┤ br-eth0           ├─┤ tap-eth0 ├─virtio─┤ eth0                   ╎
                             ╎ 06:42:ac:11:00:02 ╎ ╎ 0a:42:ac:11:00:02 ╎ └╌╌╌╌╌╌╌╌╌╌┘        ╎ 02:42:ac:11:00:02      ╎
                             └╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┘ ╎ 172.17.255.254/16 ╎                     ╎ 172.17.0.2/16          ╎
                                                   └╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┘                     ╎ default via 172.17.0.1 ╎
                                                                                             └╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┘

                dashed: planned, not made yet

                """)
    }

    /// A bridge and a macvlan of which all but one tap is made, on networks of both families, with an odd name.
    static let mixed = """
        {"container":{"id":"odd"},
         "links":[{"name":"a<&\\">b","kind":"veth","mac":"02:42:ac:11:00:02","mtu":9000,"addresses":["10.0.0.2/31","2001:db8::2/64"]},
                  {"name":"eth9","kind":"macvlan","mac":"02:42:ac:11:00:03","addresses":["10.1.0.2/24"]}],
         "routes":[{"to":"default","via":"10.0.0.3","dev":"a<&\\">b","metric":100},{"to":"default","via":"2001:db8::1","dev":"a<&\\">b"}],
         "resolvConf":"nameserver 127.0.0.11\\n"}
        """

    static func makeMixed(_ state: JSONValue) -> JSONValue {
        var state = state
        state["taps"] = [["name": "tap-eth9", "mtu": 1500, "owner": 1000]]
        state["bridges"] = [["ports": ["eth9", "tap-eth9"], "classifier": "u32"]]
        state["machine"] = [
            "id": "x", "vcpus": 2, "memory": 512, "config": "/c", "firecracker": "/f", "directory": "/d",
            "terminal": false,
        ]
        return state
    }

    @Test("a bridge beside a redirection, made in part, with its notes")
    func partlyMade() throws {
        #expect(
            try draw(Self.mixed, Self.makeMixed) == """
                odd: bridge mode, 2 interfaces

                              the container's namespace                                           the VM: 2 vCPU, 512 MiB
                              a<&">b: model bridge, MTU 9000
                              ┌─────────────────────┐ ┌───────────────────┐ ┌╌╌╌╌╌╌╌╌╌╌╌╌┐        ┌─────────────────────────────────┐
                   10.0.0.3 ──┤ a<&">b              ├─┤ br-a<&">b         ├─┤ tap-a<&">b ├─virtio─┤ a<&">b                          │
                2001:db8::1   │ 06:42:ac:11:00:02   │ │ 0a:42:ac:11:00:02 │ └╌╌╌╌╌╌╌╌╌╌╌╌┘        │ 02:42:ac:11:00:02               │
                              └─────────────────────┘ │ no alias          │                       │ 10.0.0.2/31                     │
                                                      └───────────────────┘                       │ 2001:db8::2/64                  │
                                                                                                  │ default via 10.0.0.3 metric 100 │
                                                                                                  │ default via 2001:db8::1         │
                                                                                                  └─────────────────────────────────┘
                              eth9: model tc, MTU 1500
                              ┌─────────────────────┐                       ┌────────────┐        ┌─────────────────────────────────┐
                    network ──┤ eth9                ├───────redirect────────┤ tap-eth9   ├─virtio─┤ eth9                            │
                              │ 02:42:ac:11:00:03   │                       │ owner 1000 │        │ 02:42:ac:11:00:03               │
                              │ keeps its addresses │                       └────────────┘        │ 10.1.0.2/24                     │
                              └─────────────────────┘                                             └─────────────────────────────────┘

                name server 127.0.0.11: the guest's relay asks the one of the container's namespace
                a<&">b: no alias: a /31 has no spare address

                dashed: planned, not made yet

                """)
    }

    @Test("host mode: the uplink, the tap, and the ports that lead in")
    func hostMode() throws {
        let lines = try draw(facts("host-ports")).split(separator: "\n")
        #expect(lines[0] == "c0ffee: host mode, 1 interface")
        #expect(
            lines[1].split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty } == [
                "the host", "the VM",
            ])
        #expect(lines[4] == "world ──┤ ens3       ├─forward─┤ tap0             ├─virtio─┤ eth0                      ╎")
        #expect(lines[5].hasPrefix("        ╎ masquerade ╎         ╎ 169.254.100.1/30 ╎"))
        #expect(lines.contains("host port 8080/tcp leads to the VM's 80"))
    }

    @Test("without a network there is nothing to draw, and it says so")
    func none() throws {
        #expect(try draw(facts("none")) == "c0ffee: no network interface, the VM has its loopback only\n")
    }

    @Test("no control character of a document reaches the terminal")
    func controls() throws {
        let text = try draw(Self.mixed) { state in
            var state = state
            state["container"]?["netns"] = "/run/\u{1b}[2Jx\n"
            state["network"]?["warnings"] = ["a\u{7}b"]
            return state
        }
        #expect(text.hasPrefix("odd: bridge mode, 2 interfaces, /run/?[2Jx?\n"))
        #expect(text.contains("warning: a?b\n"))
    }

    /// Reads the picture as another program does: which boxes overlap, which text leaves its box or the picture.
    private let check = """
        import sys, xml.etree.ElementTree as ET
        root = ET.parse(sys.stdin).getroot(); ns = '{http://www.w3.org/2000/svg}'
        def box(e, h=None): return [float(e.get(k)) for k in ('x', 'y', 'width', 'height')]
        boxes = [box(e) for e in root.iter(ns + 'rect') if e.get('class') == 'box']
        width, height = float(root.get('width')), float(root.get('height'))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                if a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]: print('boxes', a, b)
        texts = []
        for e in root.iter(ns + 'text'):
            x, y, w = float(e.get('x')), float(e.get('y')), len(e.text) * 12 * 0.61
            texts.append((x, y - 10, w, 13, e.text))
            if x + w > width or y > height: print('outside', e.text)
            for a in boxes:
                inside = a[0] <= x and a[1] <= y - 9 and x + w <= a[0] + a[2] and y + 3 <= a[1] + a[3]
                apart = x >= a[0] + a[2] or x + w <= a[0] or y - 9 >= a[1] + a[3] or y <= a[1]
                if not inside and not apart: print('over the edge', e.text, a)
        for i, a in enumerate(texts):
            for b in texts[:i]:
                if a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]: print('texts', a, b)
        print(len(boxes), 'boxes')
        """

    @Test(
        "the picture is XML in which nothing overlaps and every text is in its box",
        arguments: [
            ("default-bridge", 4), ("two-networks", 8), ("twelve-nics", 48), ("host-ports", 3), ("macvlan-metrics", 6),
            ("dual-stack", 4), ("none", 0), ("", 7),
        ])
    func picture(_ name: String, _ boxes: Int) throws {
        let svg = try name.isEmpty ? draw(Self.mixed, format: "svg", Self.makeMixed) : draw(facts(name), format: "svg")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", check]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(svg.utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(said == "\(boxes) boxes\n")
    }

    @Test("dot's text has a node for each box, and quotes what a name may hold")
    func dot() throws {
        let text = try draw(Self.mixed, format: "dot", Self.makeMixed)
        #expect(text.contains(#"p0c2 [label="tap-a<&\">b", style="filled,dashed", fillcolor=white]"#))
        #expect(text.contains(#"p1c0 -- p1c2 [label="redirect"]"#))
        #expect(text.contains(#"n0 [label="10.0.0.3\l2001:db8::1\l", shape=plaintext]"#))
    }
}
