/// A network drawing as a picture (SVG 1.1): text in a monospaced font, so that widths are known.
struct SVGDrawing {
    private let drawing: NetworkDrawing
    private let widths: [Int]

    // In pixels. No monospaced font in use is wider than 0.61 of its size.
    private static let fontSize = 12
    private static let letter = 7.4
    private static let line = 17
    private static let padding = 10
    private static let gap = 28

    init(_ drawing: NetworkDrawing) {
        self.drawing = drawing
        widths = drawing.widths
    }

    var text: String {
        var shapes: [String] = []
        var y = Self.line * 4
        for path in drawing.paths {
            shapes += self.shapes(of: path, at: y)
            y += height(path)
        }
        let bottom = y
        y += Self.line
        for note in drawing.notes + (drawing.hasPlanned ? ["dashed: planned, not made yet"] : []) {
            shapes.append(label(note, x: Self.padding, y: y))
            y += Self.line
        }
        let all = drawing.notes + [drawing.title]
        let width = max(right(NetworkDrawing.guest) + Self.gap, all.map(Self.width).max() ?? 0) + Self.padding
        let head = label(drawing.title, x: Self.padding, y: Self.line, style: #" font-weight="bold""#)
        let realms = drawing.paths.isEmpty ? [] : areas(from: Self.line * 2, to: bottom)
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(y + Self.padding)" \
            font-family="monospace" font-size="\(Self.fontSize)" xml:space="preserve">
            <rect width="100%" height="100%" fill="white"/>
            \((realms + [head] + shapes).joined(separator: "\n"))
            </svg>

            """
    }

    // MARK: places

    private var margin: Int {
        (drawing.paths.flatMap(\.outside).map(Self.width).max() ?? 0) + Self.padding + Self.gap
    }

    private func boxWidth(_ column: Int) -> Int {
        widths[column] == 0 ? 0 : Self.width(of: widths[column]) + Self.padding * 2
    }

    private func left(_ column: Int) -> Int {
        (0..<column).reduce(margin) { $0 + boxWidth($1) + gap(after: $1) }
    }

    private func right(_ column: Int) -> Int { left(column) + boxWidth(column) }

    /// Wide enough for what is written on the wire, and for the border between two realms.
    private func gap(after column: Int) -> Int {
        guard column + 1 < NetworkDrawing.columns, widths[column] > 0 else { return 0 }
        let next = widths[column + 1] > 0 ? column + 1 : column + 2
        let border = next == NetworkDrawing.guest ? Self.gap : 0
        return Self.gap + Self.width(of: drawing.joint(before: next)) + border
    }

    private func height(_ path: NetworkDrawing.Path) -> Int {
        let lines = max(path.boxes.compactMap { $0?.lines.count }.max() ?? 0, path.outside.count)
        return Self.line * (lines + 3)
    }

    private static func width(_ text: String) -> Int { width(of: TextWidth.of(text)) }
    private static func width(of count: Int) -> Int { Int((Double(count) * letter).rounded(.up)) }

    // MARK: shapes

    private func areas(from top: Int, to bottom: Int) -> [String] {
        let guest = NetworkDrawing.guest
        let spans = [(left(0), right(NetworkDrawing.tap), "#eef3fa"), (left(guest), right(guest), "#eef7ee")]
        return zip(spans, drawing.realms).flatMap { span, name in
            let x = span.0 - Self.padding
            let width = max(span.1 + Self.padding - x, Self.width(name) + Self.padding * 2)
            return [
                #"<rect class="realm" x="\#(x)" y="\#(top)" width="\#(width)" height="\#(bottom - top)" fill="\#(span.2)"/>"#,
                label(name, x: span.0, y: top + Self.line, style: #" fill="dimgray""#),
            ]
        }
    }

    private func shapes(of path: NetworkDrawing.Path, at y: Int) -> [String] {
        var shapes = [label(path.title, x: left(0), y: y + Self.line, style: #" fill="dimgray""#)]
        let top = y + Self.line + Self.padding / 2
        let wire = top + Self.line
        for (row, text) in path.outside.enumerated() {
            shapes.append(label(text, x: Self.padding, y: wire + 4 + row * Self.line))
        }
        var end = margin - Self.gap + Self.padding / 2
        for (column, box) in path.boxes.enumerated() {
            guard let box else { continue }
            let x = left(column)
            shapes.append(#"<line x1="\#(end)" y1="\#(wire)" x2="\#(x)" y2="\#(wire)" stroke="black"/>"#)
            let word = path.joint(column)
            if !word.isEmpty {
                let start = (end + x - Self.width(word)) / 2
                shapes.append(label(word, x: start, y: wire - 4, style: #" fill="dimgray""#))
            }
            shapes += self.shapes(of: box, column, x: x, y: top)
            end = right(column)
        }
        return shapes
    }

    private func shapes(of box: NetworkDrawing.Box, _ column: Int, x: Int, y: Int) -> [String] {
        let dash = box.isMade ? "" : #" stroke-dasharray="4 3""#
        let height = box.lines.count * Self.line + Self.padding
        let frame = #"<rect class="box" x="\#(x)" y="\#(y)" width="\#(boxWidth(column))" height="\#(height)" rx="4" "#
        return [frame + #"fill="white" stroke="black"\#(dash)/>"#]
            + box.lines.enumerated().map { row, line in
                label(
                    line, x: x + Self.padding, y: y + Self.line * (row + 1) + 1,
                    style: row == 0 ? #" font-weight="bold""# : "")
            }
    }

    private func label(_ text: String, x: Int, y: Int, style: String = "") -> String {
        #"<text x="\#(x)" y="\#(y)"\#(style)>\#(Self.escaped(text))</text>"#
    }

    /// XML 1.0, 2.4.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
