/// How pages and drawings look, in light and dark.
package enum PageStyle {
  /// Colours for models; further ones begin again.
  package static let colours = 6

  /// What a drawing needs, within a page or by itself. Colours are told apart with the usual kinds of colour blindness,
  /// and reach a contrast of 3 on their surface.
  static let drawing = """
    :root { --surface: #ffffff; --ink: #1c2024; --soft: #5b6470; --rule: #e3e6ea; --axis: #9aa3ad;
      --c1: #1f6fc4; --c2: #c9520a; --c3: #12805c; --c4: #8a4fc0; --c5: #a06a00; --c6: #c03a7a; --c7: #a3abb5; }
    @media (prefers-color-scheme: dark) {
      :root { --surface: #16191d; --ink: #e8eaed; --soft: #a2abb5; --rule: #2c3138; --axis: #69727c;
        --c1: #5aa2f0; --c2: #f08a4b; --c3: #3dbb8f; --c4: #b98ae6; --c5: #d3a03a; --c6: #ec7fb0; --c7: #6f7984; }
    }
    text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: var(--soft); }
    .title { font-size: 14px; font-weight: 600; fill: var(--ink); }
    .legend, .value { fill: var(--ink); }
    .value { font-weight: 600; }
    .surface { fill: var(--surface); }
    .grid { stroke: var(--rule); }
    .axis { stroke: var(--axis); }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
    .error { stroke-width: 1.5; }
    .aside { stroke: var(--axis); stroke-dasharray: 5 5; }
    .again { stroke-dasharray: 8 4; }
    .marker { stroke: var(--surface); stroke-width: 1.5; }
    .line.s1 { stroke: var(--c1); } .marker.s1 { fill: var(--c1); }
    .line.s2 { stroke: var(--c2); } .marker.s2 { fill: var(--c2); }
    .line.s3 { stroke: var(--c3); } .marker.s3 { fill: var(--c3); }
    .line.s4 { stroke: var(--c4); } .marker.s4 { fill: var(--c4); }
    .line.s5 { stroke: var(--c5); } .marker.s5 { fill: var(--c5); }
    .line.s6 { stroke: var(--c6); } .marker.s6 { fill: var(--c6); }
    rect.g1 { fill: var(--c1); } rect.g2 { fill: var(--c2); } rect.g3 { fill: var(--c3); } rect.g4 { fill: var(--c4); }
    rect.g5 { fill: var(--c5); } rect.g6 { fill: var(--c6); } rect.g7 { fill: var(--c7); }
    .kept { fill: var(--ink); }
    """

  static let page = """
    :root { color-scheme: light dark; --page: #f6f7f9; }
    @media (prefers-color-scheme: dark) { :root { --page: #0e1013; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
    main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 48px; }
    h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; }
    h2 { font-size: 17px; margin: 36px 0 12px; }
    p { margin: 0 0 10px; max-width: 76ch; }
    .soft, figcaption, .notes { color: var(--soft); }
    figcaption, .notes { font-size: 13.5px; }
    .notes li { margin: 0 0 6px; max-width: 90ch; }
    .notes ul { padding-left: 18px; margin: 0; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin: 20px 0 0; }
    .card { background: var(--surface); border: 1px solid var(--rule); border-radius: 10px; padding: 16px 18px; }
    .tile b { display: block; font-size: 22px; line-height: 1.3; overflow-wrap: anywhere; }
    .tile span { color: var(--soft); font-size: 13.5px; }
    .grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 12px; }
    figure { margin: 0; }
    svg.plot { display: block; width: 100%; height: auto; }
    figcaption { margin: 10px 0 0; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
    th, td { padding: 6px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
    th { color: var(--soft); font-weight: 500; }
    th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
    td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 170px; }
    td small { display: block; color: var(--soft); font-size: 12px; }
    tr:last-child td { border-bottom: 0; }
    tr.first td { border-top: 1px solid var(--axis); }
    ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 0 0 12px;
      font-size: 13.5px; color: var(--soft); }
    .key { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; }
    .key.g1 { background: var(--c1); } .key.g2 { background: var(--c2); } .key.g3 { background: var(--c3); }
    .key.g4 { background: var(--c4); } .key.g5 { background: var(--c5); } .key.g6 { background: var(--c6); }
    .key.g7 { background: var(--c7); }
    details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); margin-bottom: 12px; }
    """
}
