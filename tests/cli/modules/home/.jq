def at_home: "home";
