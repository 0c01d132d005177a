/// What a browser sees while no node can serve it; it asks again by itself.
enum UnavailablePage {
    static let text = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="refresh" content="3">
        <title>One moment - Knocknoc</title>
        <style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}</style>
        </head>
        <body>
        <main>
        <h1>One moment</h1>
        <p>Knocknoc cannot answer right now. What is open for you stays open until its time is over.</p>
        <p>This page tries again by itself.</p>
        </main>
        </body>
        </html>

        """
}
