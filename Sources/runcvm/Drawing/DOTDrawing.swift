/// A network drawing in Graphviz's language (dot(1)).
struct DOTDrawing {
    let drawing: NetworkDrawing

    var text: String {
        var lines = [
            "graph runcvm {", "  rankdir=LR; label=\(Self.quoted([drawing.title] + drawing.notes)); labelloc=t",
            "  node [shape=box, fontname=monospace, fontsize=11]; edge [fontname=monospace, fontsize=10]",
        ]
        let realms = [0..<NetworkDrawing.guest, NetworkDrawing.guest..<NetworkDrawing.columns]
        for (index, columns) in realms.enumerated() where !drawing.paths.isEmpty {
            lines.append("  subgraph cluster\(index) {")
            lines.append("    label=\(Self.quoted([drawing.realms[index]])); style=filled; color=\"#eef3fa\"")
            for (number, path) in drawing.paths.enumerated() {
                for column in columns {
                    guard let box = path.boxes[column] else { continue }
                    let style = box.isMade ? "filled" : "\"filled,dashed\""
                    lines.append(
                        "    \(Self.node(number, column)) [label=\(Self.quoted(box.lines)), style=\(style), fillcolor=white]"
                    )
                }
            }
            lines.append("  }")
        }
        for (number, path) in drawing.paths.enumerated() { lines += edges(number, path) }
        return (lines + ["}"]).map { "\($0)\n" }.joined()
    }

    private func edges(_ number: Int, _ path: NetworkDrawing.Path) -> [String] {
        var lines = ["  n\(number) [label=\(Self.quoted(path.outside)), shape=plaintext]"]
        var before = "n\(number)"
        for column in 0..<NetworkDrawing.columns where path.boxes[column] != nil {
            let node = Self.node(number, column)
            let words = column == 0 ? path.title : path.joint(column)
            lines.append("  \(before) -- \(node)" + (words.isEmpty ? "" : " [label=\(Self.quoted([words]))]"))
            before = node
        }
        return lines
    }

    private static func node(_ path: Int, _ column: Int) -> String { "p\(path)c\(column)" }

    /// Lines, each to the left.
    private static func quoted(_ lines: [String]) -> String {
        let all = lines.map { $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") }
        return "\"" + (all.count == 1 ? all[0] : all.map { "\($0)\\l" }.joined()) + "\""
    }
}
