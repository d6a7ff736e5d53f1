{% load static %}import { serve } from "{% static 'js/desk/worker.js' %}";

serve({
  sender: "{% url 'sender' %}",
  offline: "{% url 'offline' %}",
  files: [
    "{% static 'css/chorus.css' %}",
    "{% static 'vendor/idb-keyval/index.js' %}",
    "{% static 'js/desk/queue.js' %}",
    "{% static 'js/desk/offline.js' %}"
  ]
});
