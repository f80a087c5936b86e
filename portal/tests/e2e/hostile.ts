// Two hundred texts that have run as code on some page, each with letters so that it can be a name.

const VECTORS = [
  '<script>window.__hit=1</script>',
  '<img src=x onerror=window.__hit=1>',
  '<svg onload=window.__hit=1>',
  '<svg><script>window.__hit=1</script></svg>',
  '<body onload=window.__hit=1>',
  '<iframe srcdoc="<script>parent.__hit=1</script>"></iframe>',
  '<a href="javascript:window.__hit=1">link</a>',
  '<details open ontoggle=window.__hit=1>',
  '<input autofocus onfocus=window.__hit=1>',
  '<math><mtext><style><img src onerror=window.__hit=1></style>',
  '<template><script>window.__hit=1</script></template>',
  '<object data="javascript:window.__hit=1"></object>',
  '<form action="javascript:window.__hit=1"><button>go</button>',
  '<style>@import "javascript:window.__hit=1";</style>',
  'javascript:window.__hit=1//',
  '{{constructor.constructor("window.__hit=1")()}}',
  '#{window.__hit=1}',
  '"onmouseover="window.__hit=1',
  "'-window.__hit=1-'",
  '&lt;script&gt;window.__hit=1&lt;/script&gt;',
];

const WRAPS: ((vector: string) => string)[] = [
  (vector) => `plain ${vector}`,
  (vector) => `quote "> ${vector}`,
  (vector) => `tick '> ${vector}`,
  (vector) => `end --> ${vector}`,
  (vector) => `title </title> ${vector}`,
  (vector) => `area </textarea> ${vector}`,
  (vector) => `close </script> ${vector}`,
  (vector) => `cdata ]]> ${vector}`,
  (vector) => `case ${vector.replace(/script|img|svg/gi, (tag) => tag.toUpperCase())}`,
  (vector) => `slash ${vector.replaceAll(' ', '/')}`,
];

export const HOSTILE = VECTORS.flatMap((vector) => WRAPS.map((wrap) => wrap(vector)));
